# paidonce with its reference service and its simulator; compose.yaml runs both from this image.
FROM python:3.13-slim-bookworm
WORKDIR /app
COPY pyproject.toml README.md LICENSE readme_for_the_index.py ./
COPY src src
COPY harness harness
COPY scenarios scenarios
COPY reference_service reference_service
COPY reports reports
RUN pip install --no-cache-dir '.[reference]'
USER nobody
CMD ["paidonce", "--help"]
