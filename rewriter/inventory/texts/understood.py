"""Kinds that make no pods and no Services: objects of them hide nothing (DESIGN section 8, "understood").

A kind that is neither here, nor read as a fact, nor holds a pod template may make pods, whoever runs it: what a
namespace holds of such is not complete. `inert_kinds` under [facts] adds kinds that only this repository knows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from rewriter.inventory.texts.manifests import members

_CILIUM = (
    "CiliumNetworkPolicy CiliumClusterwideNetworkPolicy CiliumCIDRGroup CiliumLoadBalancerIPPool CiliumNode "
    "CiliumBGPPeeringPolicy CiliumBGPClusterConfig CiliumBGPPeerConfig CiliumBGPAdvertisement CiliumBGPNodeConfig "
    "CiliumBGPNodeConfigOverride CiliumL2AnnouncementPolicy CiliumEgressGatewayPolicy CiliumLocalRedirectPolicy "
    "CiliumEnvoyConfig CiliumClusterwideEnvoyConfig CiliumNodeConfig CiliumPodIPPool CiliumEndpoint CiliumIdentity "
    "CiliumEndpointSlice CiliumGatewayClassConfig CiliumExternalWorkload"
)
_ISTIO_NETWORKING = (
    "VirtualService DestinationRule Gateway Sidecar ServiceEntry WorkloadEntry WorkloadGroup EnvoyFilter ProxyConfig"
)

#: API group (`""`: core) → kinds, blank-separated. Of the groups of Kubernetes all kinds but those that are facts.
_INERT: Mapping[str, str] = {
    "": "Namespace ConfigMap Secret ServiceAccount PersistentVolume PersistentVolumeClaim Node Endpoints LimitRange "
    "ResourceQuota Event Binding ComponentStatus PodTemplate List",
    "apps": "ControllerRevision",
    "admissionregistration.k8s.io": "ValidatingWebhookConfiguration ValidatingAdmissionPolicy "
    "ValidatingAdmissionPolicyBinding MutatingWebhookConfiguration MutatingAdmissionPolicy "
    "MutatingAdmissionPolicyBinding",
    "apiextensions.k8s.io": "CustomResourceDefinition",
    "apiregistration.k8s.io": "APIService",
    "autoscaling": "HorizontalPodAutoscaler",
    "autoscaling.k8s.io": "VerticalPodAutoscaler VerticalPodAutoscalerCheckpoint",
    "certificates.k8s.io": "CertificateSigningRequest ClusterTrustBundle",
    "coordination.k8s.io": "Lease",
    "discovery.k8s.io": "EndpointSlice",
    "events.k8s.io": "Event",
    "extensions": "Ingress NetworkPolicy PodSecurityPolicy",
    "flowcontrol.apiserver.k8s.io": "FlowSchema PriorityLevelConfiguration",
    "k8s.cni.cncf.io": "NetworkAttachmentDefinition",
    "networking.k8s.io": "Ingress IngressClass NetworkPolicy ServiceCIDR IPAddress",
    "node.k8s.io": "RuntimeClass",
    "policy": "PodDisruptionBudget PodSecurityPolicy",
    "policy.networking.k8s.io": "AdminNetworkPolicy BaselineAdminNetworkPolicy ClusterNetworkPolicy",
    "rbac.authorization.k8s.io": "Role RoleBinding ClusterRole ClusterRoleBinding",
    "resource.k8s.io": "ResourceClaimTemplate ResourceClaim DeviceClass ResourceSlice",
    "scheduling.k8s.io": "PriorityClass",
    "security.openshift.io": "SecurityContextConstraints",
    "route.openshift.io": "Route",
    "snapshot.storage.k8s.io": "VolumeSnapshot VolumeSnapshotClass VolumeSnapshotContent",
    "storage.k8s.io": "StorageClass CSIDriver CSINode CSIStorageCapacity VolumeAttachment VolumeAttributesClass",
    "metrics.k8s.io": "PodMetrics NodeMetrics",
    "cilium.io": _CILIUM,
    "gateway.networking.k8s.io": "GatewayClass HTTPRoute GRPCRoute TLSRoute TCPRoute UDPRoute ReferenceGrant "
    "BackendTLSPolicy BackendLBPolicy",
    "acme.cert-manager.io": "Order Challenge",
    "argoproj.io": "AppProject Application ApplicationSet AnalysisTemplate ClusterAnalysisTemplate",
    "bitnami.com": "SealedSecret",
    "instancetype.kubevirt.io": "VirtualMachineInstancetype VirtualMachinePreference VirtualMachineClusterInstancetype "
    "VirtualMachineClusterPreference",
    "longhorn.io": "Volume BackupTarget BackupVolume Node Setting",
    "pkg.crossplane.io": "DeploymentRuntimeConfig ProviderConfig",
    "talos.dev": "ServiceAccount",
    "cert-manager.io": "Certificate CertificateRequest Issuer ClusterIssuer",
    "trust.cert-manager.io": "Bundle",
    "policy.cert-manager.io": "CertificateRequestPolicy",
    "controller.cert-manager.io": "Certificate",
    "crd.projectcalico.org": "NetworkPolicy GlobalNetworkPolicy IPPool BGPPeer BGPConfiguration FelixConfiguration",
    "projectcalico.org": "NetworkPolicy GlobalNetworkPolicy IPPool BGPPeer BGPConfiguration FelixConfiguration",
    "external-secrets.io": "ExternalSecret ClusterExternalSecret SecretStore ClusterSecretStore PushSecret "
    "ClusterPushSecret",
    "generators.external-secrets.io": "ClusterGenerator Password ECRAuthorizationToken GithubAccessToken UUID Fake "
    "ACRAccessToken GCRAccessToken QuayAccessToken STSSessionToken VaultDynamicSecret Webhook SSHKey",
    "externaldns.k8s.io": "DNSEndpoint",
    "configuration.konghq.com": "KongPlugin KongClusterPlugin KongConsumer KongConsumerGroup KongIngress "
    "KongUpstreamPolicy KongVault TCPIngress UDPIngress",
    "gateway.envoyproxy.io": "SecurityPolicy BackendTrafficPolicy ClientTrafficPolicy EnvoyExtensionPolicy "
    "HTTPRouteFilter Backend EnvoyProxy",
    "grafana.integreatly.org": "GrafanaDashboard GrafanaDatasource GrafanaFolder GrafanaAlertRuleGroup "
    "GrafanaContactPoint GrafanaNotificationPolicy GrafanaLibraryPanel GrafanaServiceAccount GrafanaMuteTiming "
    "GrafanaNotificationTemplate",
    "image.toolkit.fluxcd.io": "ImageRepository ImagePolicy ImageUpdateAutomation",
    "isindir.github.com": "SopsSecret",
    "keda.sh": "ScaledObject TriggerAuthentication ClusterTriggerAuthentication",
    "keycloak.org": "KeycloakRealm KeycloakClient KeycloakUser",
    "kustomize.config.k8s.io": "Kustomization Component",
    "kustomize.toolkit.fluxcd.io": "Kustomization",
    "kyverno.io": "ClusterPolicy Policy PolicyException CleanupPolicy ClusterCleanupPolicy UpdateRequest",
    "policies.kyverno.io": "ValidatingPolicy MutatingPolicy GeneratingPolicy DeletingPolicy ImageValidatingPolicy "
    "PolicyException NamespacedValidatingPolicy NamespacedMutatingPolicy",
    "wgpolicyk8s.io": "PolicyReport ClusterPolicyReport",
    "metallb.io": "IPAddressPool L2Advertisement BGPAdvertisement BGPPeer BFDProfile Community",
    "monitoring.coreos.com": "ServiceMonitor PodMonitor PrometheusRule Probe ScrapeConfig AlertmanagerConfig",
    "mutations.gatekeeper.sh": "Assign AssignMetadata ModifySet AssignImage",
    "templates.gatekeeper.sh": "ConstraintTemplate",
    "networking.istio.io": _ISTIO_NETWORKING,
    "security.istio.io": "PeerAuthentication AuthorizationPolicy RequestAuthentication",
    "telemetry.istio.io": "Telemetry",
    "extensions.istio.io": "WasmPlugin",
    "linkerd.io": "ServiceProfile",
    "policy.linkerd.io": "Server HTTPRoute AuthorizationPolicy MeshTLSAuthentication NetworkAuthentication "
    "ServerAuthorization",
    "nfd.k8s-sigs.io": "NodeFeatureRule NodeFeature NodeFeatureGroup",
    "notification.toolkit.fluxcd.io": "Alert Provider Receiver",
    "operator.victoriametrics.com": "VMRule VMServiceScrape VMPodScrape VMNodeScrape VMProbe VMStaticScrape "
    "VMScrapeConfig VMAlertmanagerConfig VMUser",
    "postgresql.cnpg.io": "ScheduledBackup Backup Database DatabaseRole Publication Subscription ImageCatalog "
    "ClusterImageCatalog",
    "barmancloud.cnpg.io": "ObjectStore",
    "fluxcd.controlplane.io": "ResourceSetInputProvider",
    "kaniop.rs": "KanidmGroup KanidmOAuth2Client KanidmPersonAccount KanidmServiceAccount",
    "litellm.home-operations.com": "LiteLLMMCPServer LiteLLMModel",
    "observability.giantswarm.io": "Silence",
    "stunner.l7mp.io": "GatewayConfig UDPRoute",
    "toolhive.stacklok.dev": "MCPGroup MCPOIDCConfig MCPServerEntry MCPTelemetryConfig MCPToolConfig",
    "k8s.mariadb.com": "Database User Grant",
    "kafka.strimzi.io": "KafkaTopic KafkaUser KafkaRebalance KafkaConnector",
    "rabbitmq.com": "Queue Exchange Binding User Permission Policy Vhost",
    "ceph.rook.io": "CephBlockPool CephBlockPoolRadosNamespace CephObjectStoreUser CephObjectRealm CephObjectZoneGroup "
    "CephObjectZone CephFilesystemSubVolumeGroup CephClient CephBucketTopic CephBucketNotification",
    "objectbucket.io": "ObjectBucketClaim ObjectBucket",
    "secrets-store.csi.x-k8s.io": "SecretProviderClass",
    "secrets.hashicorp.com": "VaultStaticSecret VaultDynamicSecret VaultPKISecret VaultAuth VaultConnection",
    "source.toolkit.fluxcd.io": "GitRepository HelmRepository OCIRepository HelmChart Bucket ExternalArtifact",
    "traefik.io": "IngressRoute IngressRouteTCP IngressRouteUDP Middleware MiddlewareTCP TLSOption TLSStore "
    "ServersTransport ServersTransportTCP TraefikService",
    "apiextensions.crossplane.io": "CompositeResourceDefinition EnvironmentConfig",
    "apisix.apache.org": "ApisixRoute ApisixUpstream ApisixTls ApisixConsumer ApisixPluginConfig ApisixGlobalRule",
    "cluster.redpanda.com": "Topic User Schema",
    "console.openshift.io": "ConsoleLink ConsoleNotification ConsoleCLIDownload ConsoleQuickStart ConsoleYAMLSample",
    "crd.k8s.amazonaws.com": "ENIConfig",
    "elbv2.k8s.aws": "TargetGroupBinding IngressClassParams",
    "flagger.app": "MetricTemplate AlertProvider",
    "fluentbit.fluent.io": "ClusterInput ClusterFilter ClusterOutput ClusterParser ClusterFluentBitConfig Filter "
    "Output Parser FluentBitConfig",
    "gateway.kgateway.dev": "TrafficPolicy HTTPListenerPolicy Backend BackendConfigPolicy DirectResponse",
    "groupsnapshot.storage.k8s.io": "VolumeGroupSnapshot VolumeGroupSnapshotClass VolumeGroupSnapshotContent",
    "hydra.ory.sh": "OAuth2Client",
    "image.openshift.io": "ImageStream ImageStreamTag",
    "k8s.nginx.org": "VirtualServer VirtualServerRoute TransportServer Policy GlobalConfiguration",
    "k8s.ovn.org": "UserDefinedNetwork ClusterUserDefinedNetwork EgressIP EgressFirewall EgressQoS EgressService "
    "AdminPolicyBasedExternalRoute",
    "kafka.banzaicloud.io": "KafkaTopic KafkaUser",
    "logging.banzaicloud.io": "Flow ClusterFlow Output ClusterOutput",
    "loki.grafana.com": "AlertingRule RecordingRule RulerConfig",
    "oathkeeper.ory.sh": "Rule",
    "oauth.openshift.io": "OAuthClient",
    "objectstorage.k8s.io": "Bucket BucketClaim BucketClass BucketAccess BucketAccessClass",
    "onepassword.com": "OnePasswordItem",
    "opentelemetry.io": "Instrumentation",
    "policy.sigstore.dev": "ClusterImagePolicy TrustRoot",
    "projectcontour.io": "HTTPProxy TLSCertificateDelegation ExtensionService",
    "pyrra.dev": "ServiceLevelObjective",
    "quota.openshift.io": "ClusterResourceQuota",
    "ricoberger.de": "VaultSecret",
    "secretgenerator.mittwald.de": "StringSecret BasicAuth SSHKeyPair",
    "secrets.doppler.com": "DopplerSecret",
    "secrets.infisical.com": "InfisicalSecret",
    "sloth.slok.dev": "PrometheusServiceLevel",
    "snapscheduler.backube": "SnapshotSchedule",
    "snapshot.kubevirt.io": "VirtualMachineSnapshot",
    "vpcresources.k8s.aws": "SecurityGroupPolicy CNINode",
    "traefik.containo.us": "IngressRoute IngressRouteTCP IngressRouteUDP Middleware MiddlewareTCP TLSOption TLSStore "
    "ServersTransport TraefikService",
    "velero.io": "Schedule Backup BackupStorageLocation VolumeSnapshotLocation BackupRepository",
}
#: Groups whose kinds are all inert, whatever its name: the constraints that templates of Gatekeeper define.
_INERT_GROUPS = frozenset({"constraints.gatekeeper.sh"})
_KINDS = {group: frozenset(kinds.split()) for group, kinds in _INERT.items()}

#: Inert kinds of which an object makes pods, or gives labels to some, where it has a member of this name: the Job of a
#: metric, the pods that solve a challenge, what an external Secret is made into, settings of the pods of Gateways.
_TELLING: Mapping[tuple[str, str], str] = {
    ("argoproj.io", "AnalysisTemplate"): "job",
    ("argoproj.io", "ClusterAnalysisTemplate"): "job",
    ("cert-manager.io", "Issuer"): "http01",
    ("cert-manager.io", "ClusterIssuer"): "http01",
    ("external-secrets.io", "ExternalSecret"): "manifest",
    ("external-secrets.io", "ClusterExternalSecret"): "manifest",
    ("gateway.envoyproxy.io", "EnvoyProxy"): "labels",
    ("gateway.networking.k8s.io", "GatewayClass"): "parametersRef",
}
#: Settings of the pods of Gateways that say nothing of their labels, or that are read for them.
_READ_PARAMETERS = frozenset({"EnvoyProxy", "CiliumGatewayClassConfig", "GatewayConfig"})

#: Ends of groups whose objects are resources of a cloud, none of them in this cluster: of Crossplane, and of ACK.
_CLOUDS = (
    *(f"{cloud}.{rest}" for cloud in ("aws", "azure", "azuread", "gcp") for rest in ("upbound.io", "m.upbound.io")),
    ".services.k8s.aws",
)

#: Files of tools, which look like manifests and are never applied to a cluster.
_LOCAL_GROUPS = frozenset(
    {
        "audit.k8s.io",
        "backstage.io",
        "config.kubernetes.io",
        "eksctl.io",
        "k3d.io",
        "kind.x-k8s.io",
        "krm.kcl.dev",
        "kubeadm.k8s.io",
        "kubelet.config.k8s.io",
        "kubescheduler.config.k8s.io",
        "skaffold",
        "tanka.dev",
    }
)
_LOCAL_KINDS = frozenset({("v1", "Config"), ("viaduct.ai/v1", "ksops")})
#: The version of documents of Talos, which Kubernetes has only behind a group.
_OF_TALOS = "v1alpha1"

#: The kinds of pods and Services, whose objects are facts; by group, since other APIs have kinds of these names too.
_FACTS = {
    "": frozenset({"Pod", "ReplicationController", "Service"}),
    "apps": frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"}),
    "extensions": frozenset({"Deployment", "DaemonSet", "ReplicaSet"}),
    "batch": frozenset({"Job", "CronJob"}),
}

_TELLING_TEXTS = {(group.encode(), kind.encode()): word.encode() for (group, kind), word in _TELLING.items()}
_FACT_NAMES = {group.encode(): frozenset(kind.encode() for kind in kinds) for group, kinds in _FACTS.items()}

#: The names of all inert kinds, as bytes: a file that names no other need not be parsed.
INERT_NAMES = frozenset(kind.encode() for kinds in _KINDS.values() for kind in kinds)


def is_fact_text(version: bytes, kind: bytes) -> bool:
    """Whether objects of an `apiVersion` and a `kind`, as they stand in a file, are read as workloads or Services."""
    return kind in _FACT_NAMES.get(version.rpartition(b"/")[0], ())


def group_of(value: Mapping[str, Any]) -> str:
    """The API group of an object; empty for the core group."""
    version = value.get("apiVersion")
    return version.rpartition("/")[0] if isinstance(version, str) else ""


def is_fact(value: Mapping[str, Any]) -> bool:
    """Whether an object is read as a workload or a Service for what it is."""
    return str(value.get("kind")) in _FACTS.get(group_of(value), ())


#: Kinds whose pods are where their controller is, by group, with the labels of these: a placeholder is any value.
#: Source: home-operations/tuppr, `internal/controller/talosupgrade/jobs.go` and `hooks.go` and
#: `kubernetesupgrade` at 05b89d16 (the Jobs of its upgrades, and those of the hooks of a TalosUpgrade).
_ANY = "${ANY}"
_OF_JOBS = ("job-name", "controller-uid", "batch.kubernetes.io/job-name", "batch.kubernetes.io/controller-uid")
_LABELLED = {
    ("tuppr.home-operations.com", kind): frozenset(
        {
            *(("app.kubernetes.io/name", name) for name in names),
            *(
                (f"app.kubernetes.io/{word}", _ANY)
                for word in ("instance", "part-of", "component", "managed-by", "version")
            ),
            *((key, _ANY) for key in _OF_JOBS),
            *(
                (f"tuppr.home-operations.com/{word}", _ANY)
                for word in ("target-node", "hook-phase", "hook-name", "hook-index")
            ),
        }
    )
    for kind, names in (
        ("TalosUpgrade", ("talos-upgrade", "talos-upgrade-hook")),
        ("KubernetesUpgrade", ("kubernetes-upgrade",)),
    )
}


def known_labels(value: Mapping[str, Any]) -> frozenset[tuple[str, str]] | None:
    """The labels of the pods that an object makes somewhere, where its kind gives it these alone; else None."""
    return _LABELLED.get((group_of(value), str(value.get("kind"))))


def is_inert(value: Mapping[str, Any], inert_kinds: Collection[str] = ()) -> bool:
    """Whether an object makes no pods and no Services. `inert_kinds` (`Kind`, `Kind.group`) come from the config."""
    kind, group, version = str(value.get("kind")), group_of(value), value.get("apiVersion")
    if not isinstance(version, str) or not version:
        return True  # The API server takes no object without it.
    if kind in inert_kinds or f"{kind}.{group}" in inert_kinds:
        return True
    if group in _LOCAL_GROUPS or version.startswith("skaffold/") or (version, kind) in _LOCAL_KINDS:
        return True
    if version == _OF_TALOS or group.endswith(_CLOUDS):
        return True
    word = _TELLING.get((group, kind))
    if word is not None:
        return not any(_tells(group, kind, part) for part in members(value.get("spec"), word))
    return group in _INERT_GROUPS or kind in _KINDS.get(group, ())


def _tells(group: str, kind: str, part: Any) -> bool:
    """Whether the member of an inert object for which it is looked at makes pods, or gives them labels."""
    if group == "external-secrets.io":
        return not isinstance(part, dict) or part.get("kind") not in ("ConfigMap", "Secret")
    if kind == "GatewayClass":
        return not isinstance(part, dict) or part.get("kind") not in _READ_PARAMETERS
    return bool(part)


def telling_word(version: bytes, kind: bytes) -> bytes | None:
    """The member for which an object of an inert kind has to be read; None for a kind that makes no pods at all."""
    if not version:  # It is written so that only a parser reads it.
        return next((word for (_group, name), word in _TELLING_TEXTS.items() if name == kind), None)
    return _TELLING_TEXTS.get((version.rpartition(b"/")[0], kind))
