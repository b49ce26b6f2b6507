"""The language server: findings, explanations and fixes in an editor, over stdin and stdout."""
