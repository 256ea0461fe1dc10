"""What we ship besides our own code: its licences, known vulnerabilities, and the bill of materials."""
