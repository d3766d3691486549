"""The neutral request: client codecs read it, obligations change it, backends write it.

Names and shapes are those of the OpenAI API and of the Open Inference Protocol. Nothing here
knows what came over a wire.
"""

from extauth.types.call.call import Ask, Call, Sampling
from extauth.types.call.chat import Chat, ChatOptions, NamedFunction, NamedTool
from extauth.types.call.infer import Infer, WantedOutput
from extauth.types.call.inputs import Completion, CompletionOptions, Embedding, Item
from extauth.types.call.messages import (
    Audio,
    CalledFunction,
    File,
    Function,
    Image,
    Message,
    Part,
    ResponseFormat,
    Tool,
    ToolCall,
)

__all__ = [
    "Ask",
    "Audio",
    "Call",
    "CalledFunction",
    "Chat",
    "ChatOptions",
    "Completion",
    "CompletionOptions",
    "Embedding",
    "File",
    "Function",
    "Image",
    "Infer",
    "Item",
    "Message",
    "NamedFunction",
    "NamedTool",
    "Part",
    "ResponseFormat",
    "Sampling",
    "Tool",
    "ToolCall",
    "WantedOutput",
]
