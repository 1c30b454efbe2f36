"""Small applications of the vendor's API, each in a language of its own: none has a line that knows of a mock."""
