import socket
import threading
from datetime import UTC, datetime, timedelta

import pytest

from secops.demo.pen import FIREWALL, LINUX
from secops.demo.player import State, Wires, file_of, play, read_state, step, write_state
from secops.errors import NotFoundError

BUILT = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


@pytest.fixture
def collector():
    """A syslog collector's two sockets on free ports."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    udp.settimeout(5)
    tcp = socket.create_server(("127.0.0.1", 0))
    tcp.settimeout(5)
    yield udp, tcp
    udp.close()
    tcp.close()


def fresh(folder, udp, tcp):
    state = State(7, BUILT, 1, udp.getsockname()[1], tcp.getsockname()[1], ((BUILT, BUILT),))
    write_state(folder, state)
    return state


def written(folder):
    return sorted(
        line for path in (folder / "logs").rglob("*") if path.is_file() for line in path.read_bytes().splitlines()
    )


def test_a_folder_without_a_ward_is_told(tmp_path):
    with pytest.raises(NotFoundError, match="secops demo"):
        read_state(tmp_path)


def test_state_survives_a_restart(tmp_path, collector):
    state = fresh(tmp_path, *collector)
    assert read_state(tmp_path) == state


def test_steps_write_every_line_once_into_files_and_sockets(tmp_path, collector):
    udp, tcp = collector
    state = fresh(tmp_path, udp, tcp)
    wires = Wires(state.udp, state.tcp)
    now = BUILT
    for seconds in range(0, 20 * 60, 60):
        now = BUILT + timedelta(seconds=seconds)
        state = step(tmp_path, state, wires, now)
        assert step(tmp_path, state, wires, now) == state
    wires.close()
    lines = state.plan.lines(BUILT, now)
    files = [line for line in lines if line.stream not in {FIREWALL, LINUX}]
    headers = {file_of(line) for line in files if line.stream.startswith("ops-")}
    assert len(written(tmp_path)) == len(files) + len(headers)
    datagrams = [line.data for line in lines if line.stream == FIREWALL]
    assert [udp.recv(4096) for _ in datagrams] == datagrams
    connection, _peer = tcp.accept()
    with connection, connection.makefile("rb") as stream:
        assert stream.read().splitlines() == [line.data for line in lines if line.stream == LINUX]


def test_a_long_pause_is_not_made_up_for(tmp_path, collector):
    state = fresh(tmp_path, *collector)
    wires = Wires(state.udp, state.tcp)
    later = BUILT + timedelta(days=3)
    state = step(tmp_path, state, wires, later)
    assert len(state.played) == 2
    assert state.played[1][0] >= later - timedelta(seconds=1)
    assert read_state(tmp_path) == state
    wires.close()


def test_lines_wait_until_the_syslog_collector_listens(tmp_path):
    closed = socket.create_server(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    wires = Wires(port, port)
    assert not wires.reachable()
    state = State(7, BUILT, 1, port, port, ((BUILT, BUILT),))
    lines = [line for line in state.plan.lines(state.plan.begin, BUILT) if line.stream == LINUX]
    wires.send(lines)
    server = socket.create_server(("127.0.0.1", port))
    wires.send([])
    connection, _peer = server.accept()
    wires.close()
    with connection, connection.makefile("rb") as stream:
        assert stream.read().splitlines() == [line.data for line in lines]
    server.close()


def test_play_goes_on_until_told_to_stop(tmp_path, collector):
    fresh(tmp_path, *collector)
    stop = threading.Event()
    turns = iter(range(100))

    def clock():
        turn = next(turns)
        if turn == 2:
            stop.set()
        return BUILT + timedelta(seconds=turn * 30)

    play(tmp_path, clock, stop)
    assert read_state(tmp_path).played[-1][1] == BUILT + timedelta(seconds=60)
