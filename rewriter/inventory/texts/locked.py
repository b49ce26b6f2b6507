"""Files of which the checkout holds no text that can be read: encrypted ones, and pointers of Git LFS."""

from __future__ import annotations

#: A text in an encoding that names itself nowhere; without its NULs its words are still found.
NOT_TEXT = "is not UTF-8"

#: What such a file begins with, and what is so of it and would make it readable.
_BEGINNINGS = (
    (b"version https://git-lfs.github.com/", "is a pointer of Git LFS; `git lfs pull` fetches it"),
    (b"\0GITCRYPT\0", "is encrypted by git-crypt; `git-crypt unlock` opens it"),
    (b"-----BEGIN AGE ENCRYPTED FILE-----", "is encrypted by age"),
    (b"age-encryption.org/", "is encrypted by age"),
    (b"-----BEGIN PGP MESSAGE-----", "is encrypted by PGP"),
    (b"$ANSIBLE_VAULT;", "is encrypted by Ansible Vault"),
)
_SOPS_WHOLE = (b'"sops"', b"sops:")


def unreadable_as_text(data: bytes) -> str:
    """Why a file that names no kind may hold manifests all the same, in words; empty where it holds none."""
    start = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    for beginning, why in _BEGINNINGS:
        if start.startswith(beginning) or data.startswith(beginning):
            return why
    if b"ENC[AES256_GCM," in data and any(mark in data for mark in _SOPS_WHOLE) and _is_one_value(data):
        return "is encrypted by SOPS as a whole"
    return NOT_TEXT if b"\0" in data else ""


def _is_one_value(data: bytes) -> bool:
    """Whether SOPS holds the file as one value, `data`, and not the values of a YAML or JSON document."""
    head = data.lstrip().lstrip(b"{").lstrip()
    return head.startswith((b'"data"', b"data:")) and data.count(b"ENC[") - data.count(b"mac") <= 2
