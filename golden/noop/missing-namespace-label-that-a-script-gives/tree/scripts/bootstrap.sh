#!/usr/bin/env bash
set -euo pipefail
kubectl create namespace monitoring --dry-run=client -o yaml | kubectl apply -f -
kubectl label --overwrite namespace monitoring name=monitoring team="sre"
