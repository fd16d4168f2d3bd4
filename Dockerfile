# The project as an image: Meltano, the tap and the loaders, pinned, and no setting.
# docs/production.md tells how to run it.
FROM python:3.13-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 MELTANO_VENV_BACKEND=virtualenv
WORKDIR /project
COPY requirements requirements
RUN python -m venv /meltano && \
    /meltano/bin/pip install --require-hashes -r requirements/meltano.txt
COPY pyproject.toml README.md LICENSE meltano.yml ./
COPY dbt dbt
COPY tap_yonyou tap_yonyou
RUN /meltano/bin/meltano install && rm .meltano/meltano.db

FROM python:3.13-slim-bookworm
RUN useradd --create-home --uid 10001 meltano
COPY --from=build /meltano /meltano
COPY --from=build --chown=meltano:meltano /project /project
COPY examples/entrypoint.py /entrypoint.py
# By number, for Kubernetes to know that it is not root.
USER 10001
WORKDIR /project
ENV PATH=/meltano/bin:$PATH
# Meltano, but with its own exit code for errors that another run cannot cure.
ENTRYPOINT ["python", "/entrypoint.py"]
CMD ["run", "yonyou-to-postgres"]
