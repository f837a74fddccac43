"""A file in a bucket, by the keys and roles that AWS's own programs use."""

from __future__ import annotations

import os
from urllib.parse import unquote, urlsplit

from second_opinion.errors import UserError, first_line
from second_opinion.models.remote.web_file import SILENCE_SECONDS, read_bounded


def read_s3(text: str) -> bytes:
    """What lies at ``s3://BUCKET/KEY``.

    Keys come from AWS_ACCESS_KEY_ID and the like, a profile, or the role of the machine.
    AWS_ENDPOINT_URL names another service than Amazon's. `UserError` where nothing comes,
    or too much.
    """
    # Imports half of pyarrow, which takes a while.
    from pyarrow import fs

    parts = urlsplit(text)
    path = f"{parts.netloc}/{unquote(parts.path).lstrip('/')}"
    endpoint = urlsplit(
        os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    )
    options = {
        "region": os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"),
        "endpoint_override": endpoint.netloc or None,
        "scheme": endpoint.scheme or None,
        "request_timeout": SILENCE_SECONDS,
        "connect_timeout": SILENCE_SECONDS,
        "retry_strategy": fs.AwsStandardS3RetryStrategy(max_attempts=2),
    }
    try:
        bucket = fs.S3FileSystem(**{name: value for name, value in options.items() if value})
        with bucket.open_input_stream(path) as stream:
            return read_bounded(stream, text)
    except OSError as error:
        raise UserError(_refused(text, error)) from error


def _refused(text: str, error: OSError) -> str:
    reason = first_line(error)
    if "ACCESS_DENIED" in str(error) or "HTTP status 403" in str(error):
        return (
            f"{text} may not be read by this app. Give it keys that may (AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or a role of the machine), with s3:GetObject on that file."
        )
    if isinstance(error, FileNotFoundError) or "HTTP status 404" in str(error):
        return f"{text} is not there. Check bucket, key and AWS_REGION, then correct MODEL."
    return (
        f"{text} could not be fetched ({reason}). Check that this machine reaches the bucket; it "
        "is tried again by itself."
    )
