"""A fleet on Airflow 3: for each U8 server a task, mapped over its account sets (账套).

The connection u8_north has the server's address as host, app_key and app_secret as login and
password, and as extra {"from_account": "…", "to_account": "…"}. The workers' environment has
MELTANO_PROJECT, MELTANO_DATABASE_URI and TARGET_POSTGRES_SQLALCHEMY_URL. How many runs a server may
have at a time:

    airflow pools set u8_north 2 "U8 server in the north"
"""

from datetime import timedelta

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException

SERVERS = {"north": [1, 2], "south": [1, 2]}
STREAMS = '["customercontacts", "customer", "inventory", "tap_yonyou_reads"]'
SETTINGS = {
    "API_URL": "host",
    "APP_KEY": "login",
    "APP_SECRET": "password",
    "FROM_ACCOUNT": "extra_dejson.from_account",
    "TO_ACCOUNT": "extra_dejson.to_account",
}
# With a folder of its own for Meltano's files, which runs of one project would share.
RUN = """
cd "$MELTANO_PROJECT" && export MELTANO_SYS_DIR_ROOT=$(mktemp -d) || exit
trap 'rm -rf "$MELTANO_SYS_DIR_ROOT"' EXIT
ln -s "$PWD/.meltano/extractors" "$PWD/.meltano/loaders" "$MELTANO_SYS_DIR_ROOT"
python3 examples/entrypoint.py run --state-id-suffix="$ACCOUNT_SET" yonyou-to-postgres
"""


class Meltano(BashOperator):
    """Is retried, unless another run cannot cure the error of the tap."""

    def execute(self, context: Context) -> object:
        """Run the command; 78 is the exit code of entrypoint.py for such an error."""
        try:
            return super().execute(context)
        except AirflowException as error:
            if str(error).endswith("exit code 78."):
                raise AirflowFailException(str(error)) from error
            raise


def environment(server: str, source: int) -> dict[str, str]:
    """Give what Meltano reads from the environment; Airflow fills in the connection."""
    return {
        **{
            f"TAP_YONYOU_{name}": f"{{{{ conn.u8_{server}.{field} }}}}"
            for name, field in SETTINGS.items()
        },
        "TAP_YONYOU_STREAMS": STREAMS,
        "TAP_YONYOU_DS_SEQUENCES": f"[{source}]",
        # Account sets share tables, of which each run knows its own part only.
        "TAP_YONYOU_EMIT_ACTIVATE_VERSION_MESSAGES": "false",
        "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": f"u8_{server}",
        "ACCOUNT_SET": f"{server}-{source}",
        "NO_COLOR": "1",
    }


with DAG(
    "yonyou",
    schedule="0 2 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="Asia/Shanghai"),
    catchup=False,
    max_active_runs=1,
    # After 1, 2, 4 and 8 minutes or more: Meltano holds the lock of a run that was killed for 5.
    default_args={
        "retries": 4,
        "retry_delay": timedelta(minutes=1),
        "retry_exponential_backoff": 2,
    },
):
    for server, sources in SERVERS.items():
        Meltano.partial(
            task_id=server,
            pool=f"u8_{server}",
            bash_command=RUN,
            append_env=True,
            map_index_template="{{ task.env['ACCOUNT_SET'] }}",
        ).expand(env=[environment(server, source) for source in sources])
