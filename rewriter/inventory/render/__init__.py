"""Charts rendered by the real `helm`: facts that the values alone do not show."""
