"""The configuration: its typed schema, how it is composed from conf/, and what is refused in which words."""
