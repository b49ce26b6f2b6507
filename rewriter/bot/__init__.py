"""The bot: fixes on branches of their own, and one pull request for each that it keeps up to date."""
