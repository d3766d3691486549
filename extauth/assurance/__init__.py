"""Assurance of policies before they ship: checks, replay, mutation testing, explanation."""
