"""Charts rendered by the real `helm`: facts that no values alone tell."""
