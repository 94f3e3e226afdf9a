"""Where on a server what is said that both sides have to agree on. A release that can't be talked to has others."""

#: What all paths begin with, after that of the API.
PREFIX = "/store/v1"
#: The question that is no operation of stores: lines that are to be taken strictly, and at once.
STRICTLY = "strictly"
