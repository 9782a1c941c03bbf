"""Paging: who is told what and when (pure), and the ways out (mail, command)."""
