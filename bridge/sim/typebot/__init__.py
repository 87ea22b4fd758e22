"""A stand-in for a Typebot viewer 3.18: its chat API over real HTTP, with flows from files.

It shows what typebot-api.md describes and imports nothing of the bridge: it stands in for a
foreign program. `async with TypebotSim(flows=[load(path)]) as sim` serves it at `sim.url`;
`sim.calls` has what was asked, `sim.faults` makes it fail, `sim.drop(...)` forgets sessions.
`python -m bridge.sim.typebot flows/ --port 3001` runs it as a process, driven by `/sim/...`:

    POST   /sim/flows                  publish a flow, in TOML or (`application/json`) in JSON
    GET    /sim/flows                  their public ids
    GET    /sim/calls                  what was asked; ?route= ?since= ?at_least= ?timeout=
    GET    /sim/sessions               sessions with their variables
    DELETE /sim/sessions[/{id}]        forget them: 404 follows
    POST   /sim/sessions/{id}/expire   "Session expired"
    POST   /sim/faults                 a `Fault`: {"route": "continueChat", "status": 500,
                                       "acts": true, "times": 1}; also "cut", "hang", "text"
    DELETE /sim/faults                 work again
    POST   /sim/switches               latency, s3, upload_style, upload_limit, old_errors,
                                       partykit, missing
    POST   /sim/meet                   {"calls": 2}: these read the session before any writes it
    GET    /sim/state                  what there is, with the API token

Routes are named startChat, continueChat, previewChat, sendMessage, uploadUrl, upload, file,
updateTypebot, clientLogs, executeWebhook, health, openapi, typebots, me; else notFound.


Flows
=====
One TOML file is one published bot:

    id = "tb-sales"                      # else "tb-" and the public id
    public_id = "sales"                  # else the name of the file
    published = true                     # also: closed, suspended, version, published_at
    settings = {}                        # general, typingEmulation, security, metadata, whatsApp
    theme = {}

    [variables]
    v_name = "name"                      # id = name
    v_slots = { name = "slots", value = ["09:00", "10:30"] }

    [[groups]]
    id = "g1"                            # title = the id, if not given
    [[groups.blocks]]                    # run from the first to the last
    id = "hello"
    type = "text"
    text = "Hi <b>{{name}}</b>!"

    [[edges]]                            # from a block, an item, a path or an event: one of each
    from = "hello"
    to = "g2"                            # a group, or a block inside one; `id` can be given

Every id stands for one thing. Ways and variables name ids, texts name variables (`{{name}}`). What
the format does not know is refused with its place; keys of the flow itself stand above the first
`[[groups]]`, since TOML takes them for the group's below it.

A chat begins at the edge of the `start` event, else at the first group. A group that leads nowhere
ends the flow, or goes back to the bot that linked to this one. Two bots share variables by name.

Bubbles
    text          `text` or `lines` with <b> <i> <u> <s> <code> <a href="...">, or the tree itself:
                  `richText` (TOML) or `json` (text). A variable's value is read as Markdown.
    image, video, audio, embed
                  `content` as Typebot has it; without a url they are left out. The kind of a video
                  is found by its url. An embed waits with `waitForEvent = { isEnabled = true,
                  saveDataInVariableId = ".." }`.
    custom-embed  `content`, or `json`; waits; `options.saveVariableId`

Inputs            `options` as Typebot has them, and `items` for choices, pictures and cards
    text input, number input, email input, url input, phone number input, date input, time input,
    rating input, file input, payment input (with `runtimeOptions`), choice input,
    picture choice input, cards
                  Items have an `id`, and `content` and `value` (choices), `title`, `description`,
                  `pictureSrc` and `value` (pictures), or `title`, `description`, `imageUrl`,
                  `options` and `paths = [{ id, text }]` (cards). With `displayCondition =
                  { isEnabled = true, condition = .. }` they are shown only where that holds.

Logic (all in `options`)
    set variable  variableId, and `value` (text or list) or `type`: Append value(s), Empty,
                  Environment name, User ID, Result ID, Random ID, Now, Today, Tomorrow, Yesterday,
                  Phone number, Contact name (unset here). With isExecutedOnClient, Moment of the
                  day or Device type the client is asked (expressionToEvaluate, isCode). No
                  JavaScript is run: `value` says what would come of it.
    condition     `items` with `content = { logicalOperator, comparisons = [{ variableId,
                  comparisonOperator, value }] }`; an edge from each item, one from the block: else.
                  logicalOperator is OR, or AND; operators are Equal to, Not equal, Contains, Does
                  not contain, Starts with, Ends with, Greater than, Less than, Greater or equal
                  to, Less or equal to, Is set, Is empty, Matches regex, Does not match regex
    redirect      url, isNewTab
    wait          secondsToWaitFor, shouldPause
    jump          groupId or blockId
    typebot link  typebotId (or "current"), groupId
    return        goes back to the input that an event came from, or behind the jump before it
    script        content, isExecutedOnClient (true), isUnsafe
    http request  url, method, headers, body, responseVariableMapping = [{ bodyPath, variableId }],
                  isExecutedOnClient; else `response` is what the server got: { statusCode, data }
    webhook       responseVariableMapping
    chatwoot      task ("Close widget", else it opens), baseUrl, websiteToken; or `script`, with
                  `uses = ["name"]` for variables that its text does not name
    google analytics, pixel
                  their options are told as they are

Events            [[events]] with id and type
    start
    command       command = "help"
    reply         contentVariableId
    invalid reply contentVariableId, inputTypeVariableId, inputNameVariableId
"""

from bridge.sim.typebot.calls import Call
from bridge.sim.typebot.checking import BadFlow
from bridge.sim.typebot.faults import Fault, Faults
from bridge.sim.typebot.flows import Flow, load, parse
from bridge.sim.typebot.sessions import Session
from bridge.sim.typebot.sim import TypebotSim

__all__ = [
    "BadFlow",
    "Call",
    "Fault",
    "Faults",
    "Flow",
    "Session",
    "TypebotSim",
    "load",
    "parse",
]
