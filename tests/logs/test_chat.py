"""Chat lines hold the whole record: it can be made again from them."""

import json
from dataclasses import replace

from diagnose.logs.chat import chat_line
from diagnose.records import EpisodeRecord
from tests.logs.played import changed, played


def made_again(line: str) -> EpisodeRecord:
    data = json.loads(line)
    messages = [
        {
            **message,
            **(
                {
                    "tool_calls": [
                        {"id": call["id"], **call["function"]} for call in message["tool_calls"]
                    ]
                }
                if "tool_calls" in message
                else {}
            ),
        }
        for message in data["messages"]
    ]
    return EpisodeRecord.from_dict({**data["metadata"], "transcript": messages})


def test_a_line_is_a_conversation_and_its_metadata_the_rest():
    record = played()
    line = chat_line(record)
    assert line.count("\n") == 1
    data = json.loads(line)
    assert set(data) == {"messages", "metadata"}
    assert [message["role"] for message in data["messages"]] == [
        *("system", "user", "assistant", "user", "assistant", "user", "assistant")
    ]
    assert made_again(line).to_line() == record.to_line()


def test_tool_calls_have_the_form_that_tools_read():
    call = {"id": "call_0", "name": "run_python", "arguments": '{"code": "press()"}'}
    record = changed(played(), 2, tool_calls=[call])
    record = changed(record, 3, role="tool", tool_call_id="call_0")
    line = chat_line(record)
    message = json.loads(line)["messages"][2]
    assert message["tool_calls"] == [
        {
            "id": "call_0",
            "type": "function",
            "function": {"name": "run_python", "arguments": '{"code": "press()"}'},
        }
    ]
    assert made_again(line).to_line() == replace(record).to_line()
