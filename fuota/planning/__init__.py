"""Intent to schedule: who is out there, what the link and the server allow, and the plan that follows."""
