"""What holds our requests, fakes and files against the vendors' own documents and programs."""
