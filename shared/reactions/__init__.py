"""What Vigia can do: one file per reaction, with its policy section, when it is proposed, and how it is done."""
