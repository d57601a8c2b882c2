"""Files as received: the inbox, the bytes by SHA-256 and the ledger of what arrived."""
