"""What can be said of policies before they ship: checks, replay, mutation, explanation."""
