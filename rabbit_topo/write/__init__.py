"""Topology files as text: written from plain data, and brought into their canonical form."""
