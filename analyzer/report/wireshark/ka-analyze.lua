-- What `ka-analyze --annotate` has found, as fields of Wireshark: to filter, to colour, and to show as columns.
--
-- It reads the comments that ka-analyze has put on frames, and nothing else. A connection's outcome is a field of all its
-- segments, its settings of those from the frames on that show them.
--
--   ka.flow      number of the connection, as ka-analyze counts
--   ka.outcome   what became of it: "timed out: the peer fell silent"
--   ka.settings  "192.0.2.1:40000 tcp_keepalive_time 30, bounds 30–31; …"
--   ka.tag       what this segment is: "keepalive-probe"
--   ka.rule      the rule that says so: "below-snd-nxt"
--
-- Use it once:    wireshark -X lua_script:ka-analyze.lua out.pcapng
-- or for good:    copy it to the personal plugins folder (Help, About Wireshark, Folders).
-- As a column:    right-click the field in the packet details, Apply as Column; or
--                 tshark -X lua_script:ka-analyze.lua -r out.pcapng -T fields -e frame.number -e ka.tag -e ka.outcome

local ka = Proto("ka", "ka-analyze")
local flow = ProtoField.uint32("ka.flow", "Connection", base.DEC)
local outcome = ProtoField.string("ka.outcome", "Outcome")
local settings = ProtoField.string("ka.settings", "Settings")
local tag = ProtoField.string("ka.tag", "Tag")
local rule = ProtoField.string("ka.rule", "Rule")
ka.fields = { flow, outcome, settings, tag, rule }

local comments, stream = Field.new("frame.comment"), Field.new("tcp.stream")
local known = {} -- by tcp.stream: number, outcome, settings in the order in which they are told

function ka.init()
    known = {}
end

-- Take what a comment tells of its whole connection.
local function learn(of, words)
    local number, headline = words:match("^#(%d+) %S+ %- %S+: (.-)%.%s")
    if number and not of.number then
        of.number, of.outcome = tonumber(number), headline
    end
    local name, whose, value = words:match("^shows (tcp_[%w_]+) of (.*): (.*)$")
    if name then
        local key = whose .. " " .. name
        if not of.settings[key] then
            of.settings[key] = value
            of.order[#of.order + 1] = key
        end
    end
end

local function told(of)
    local parts = {}
    for _, key in ipairs(of.order) do
        parts[#parts + 1] = key .. " " .. of.settings[key]
    end
    return table.concat(parts, "; ")
end

function ka.dissector(_, _, tree)
    local number, what, why
    local of = nil
    local at = stream()
    if at then
        of = known[at.value] or { settings = {}, order = {} }
        known[at.value] = of
    end
    for _, comment in ipairs({ comments() }) do
        local words = tostring(comment.value):match("^ka%-analyze: (.*)$")
        if words then
            if of then
                learn(of, words)
            end
            local one, whose, because = words:match("^([%l%-]+) of #(%d+).-; ([%l%-]+): ")
            if one and not what then
                what, number, why = one, tonumber(whose), because
            end
        end
    end
    number = number or (of and of.number)
    if not number then
        return
    end
    local branch = tree:add(ka, "ka-analyze")
    branch:set_generated()
    branch:add(flow, number):set_generated()
    if of and of.outcome then
        branch:add(outcome, of.outcome):set_generated()
    end
    if of and #of.order > 0 then
        branch:add(settings, told(of)):set_generated()
    end
    if what then
        branch:add(tag, what):set_generated()
        branch:add(rule, why):set_generated()
    end
end

register_postdissector(ka)
