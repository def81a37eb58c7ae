"""Texts for people, in their language: notices, mails, cards and pages."""
