"""Commands for whoever administers a broker, spelled so that a shell takes each name for one word."""

from __future__ import annotations

from shlex import join


def set_permissions(vhost: str, user: str) -> str:
    """Let a user into a vhost.

    >>> set_permissions("my shop", "joe")
    "rabbitmqctl set_permissions -p 'my shop' joe CONFIGURE WRITE READ"
    """
    return join(["rabbitmqctl", "set_permissions", "-p", vhost, user, "CONFIGURE", "WRITE", "READ"])


def enter_vhost(vhost: str, user: str) -> str:
    """Let a user into a vhost, and touch nothing there.

    >>> enter_vhost("/", "joe")
    "rabbitmqctl set_permissions -p / joe '' '' ''"
    """
    return join(["rabbitmqctl", "set_permissions", "-p", vhost, user, "", "", ""])


def set_topic_permissions(vhost: str, user: str) -> str:
    """Let a user use routing keys of a topic exchange."""
    return join(["rabbitmqctl", "set_topic_permissions", "-p", vhost, user, "EXCHANGE", "WRITE", "READ"])


def set_user_tags(user: str, *tags: str) -> str:
    """Give a user these tags, and no others."""
    return join(["rabbitmqctl", "set_user_tags", user, *tags])
