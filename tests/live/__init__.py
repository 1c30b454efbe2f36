"""Tests over real sockets: the server, the whole mock, and requests that two readers could frame differently."""
