"""What Vigia says to people, in their language: notices, mails, cards and pages."""
