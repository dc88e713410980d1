"""Flows as graphs, and the path of a run through them."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from engine.flowfile import flow_from_text
from engine.model import Flow
from engine.store import runs
from engine.studio.graph import FINISH, START, flow_graph
from engine.studio.path import every_node, path_taken
from engine.studio.runs import run_page
from tests.studio.conftest import Office

LOOP = """
    flow: drawn
    trigger: {manual: {lines: json}}
    nodes:
      - id: each_line
        type: for_each
        in: "{{ input.lines }}"
        as: line
        do:
          - {id: first, type: log, message: a}
          - id: way
            type: branch
            cases:
              - {name: one, when: "{{ line == 1 }}", do: []}
              - name: other
                else: true
                do: [{id: second, type: log, message: b}]
      - id: tell
        type: http
        url: https://hooks.example.com/x
        give_up: [{id: note, type: log, message: c}]
      - {id: end, type: stop, reason: enough}
"""


def read(text: str) -> Flow:
    return flow_from_text(textwrap.dedent(text), "drawn.yaml")


def arrows(graph: Any) -> set[str]:
    return {edge["id"] for edge in graph.edges}


def entry(id: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "log", "line": 1, **more}


def test_every_kind_of_node_is_drawn() -> None:
    graph = flow_graph(read(LOOP))
    assert arrows(graph) == {
        f"{START}||each_line",
        "each_line|each line|first",
        "first||way",
        "way|one|each_line",
        "way|other|second",
        "second|next|each_line",
        "each_line||tell",
        "tell|after the last try|note",
        "tell||end",
    }
    later = {node["id"] for node in graph.nodes if node.get("later")}
    assert later == {"note"}
    assert graph.nodes[-1]["id"] == FINISH


def test_each_round_of_a_loop_is_counted() -> None:
    flow = read(LOOP)
    graph = flow_graph(flow)
    rounds = [
        entry("first"),
        entry("way", notes=[{"case": "one"}]),
        entry("first"),
        entry("way", notes=[{"case": "other"}], nodes=[entry("second")]),
    ]
    trace = [
        entry("each_line", nodes=rounds),
        entry("tell"),
        entry("end", type="stop", stop="enough"),
    ]
    path = path_taken(flow, graph, trace)
    assert path["nodes"]["first"] == {"state": "ran", "times": 2}
    assert path["nodes"]["second"] == {"state": "ran", "times": 1}
    assert path["nodes"]["end"] == {"state": "stopped", "times": 1}
    assert set(path["edges"]) == arrows(graph) - {"tell|after the last try|note"}


def test_an_error_belongs_to_the_node_that_made_it() -> None:
    flow = read(LOOP)
    rounds = [entry("first", error="it broke")]
    path = path_taken(flow, flow_graph(flow), [entry("each_line", nodes=rounds, error="it broke")])
    assert path["nodes"] == {
        "each_line": {"state": "ran", "times": 1},
        "first": {"state": "failed", "times": 1},
    }
    assert path["edges"] == [f"{START}||each_line", "each_line|each line|first"]


def test_a_run_that_went_on_from_an_earlier_one_says_so() -> None:
    flow = read(LOOP)
    path = path_taken(flow, flow_graph(flow), [entry("tell")])
    assert (path["resumed"], path["gave_up"]) == (True, False)


def test_what_a_call_did_when_it_was_given_up_is_no_run_that_went_on() -> None:
    flow = read(LOOP)
    trace = [entry("tell", type="http", error="no answer", nodes=[entry("note")])]
    path = path_taken(flow, flow_graph(flow), trace)
    assert path["edges"] == ["tell|after the last try|note"]
    assert (path["resumed"], path["gave_up"]) == (False, True)


def test_the_examples_flows_are_drawn_whole(office: Office) -> None:
    for compiled in office.project.flows.values():
        flow, graph = compiled.flow, flow_graph(compiled.flow)
        nodes = {node["id"]: node for node in graph.nodes}
        assert {node.id for node in every_node(flow.nodes)} == nodes.keys() - {START, FINISH}
        for node in every_node(flow.nodes):
            assert nodes[node.id]["locked"] == node.locked
            assert f"id: {node.id}" in nodes[node.id]["yaml"]
        for edge in graph.edges:
            assert edge["from"] in nodes
            assert edge["to"] in nodes


def test_paths_of_real_runs_lead_from_the_start_to_the_end(busy: Office) -> None:
    with busy.store.reader() as tx:
        pages = [run_page(tx, busy.project, run.id) for run in runs.listing(tx)]
    for page in pages:
        assert page is not None
        edges = {edge["id"]: edge for edge in page["graph"]["edges"]}
        taken = [edges[id] for id in page["path"]["edges"]]
        assert taken[0]["from"] == START
        reached = {START}
        for edge in taken:
            assert edge["from"] in reached
            reached.add(edge["to"])
        states = {node["state"] for node in page["path"]["nodes"].values()}
        if page["outcome"] == "failed":
            assert "failed" in states
        else:
            assert states <= {"ran", "stopped"}
            assert FINISH in reached or "stopped" in states


def test_the_times_of_nodes_add_up_to_no_more_than_the_runs(busy: Office) -> None:
    with busy.store.reader() as tx:
        pages = [run_page(tx, busy.project, run.id) for run in runs.listing(tx)]
    for page in pages:
        assert page is not None
        taken = [step["us"] for step in page["steps"]]
        assert all(us >= 0 for us in taken)
        assert 0 < sum(taken) <= page["duration_us"] + 1
        for step in page["steps"]:
            assert step["us"] >= sum(inner["us"] for inner in step["steps"])


@pytest.mark.parametrize("secret", ["sk_live_51H8abcDEF", "whsec_abcdef"])
def test_a_secret_written_into_a_flow_is_not_shown_on_its_graph(secret: str) -> None:
    flow = read(f"""
        flow: drawn
        trigger: {{manual: {{}}}}
        nodes: [{{id: tell, type: log, message: "{secret}"}}]
    """)
    assert secret not in str(flow_graph(flow).as_json())
