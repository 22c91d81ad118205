-- Append one batch to an organisation's stream, or (count 0) only make sure that it has a head.
--
-- KEYS  1 head (hash: epoch, offset)      2 the writer's last batch (hash: number, epoch, first, last)
--       3 marks (list of "ms offset")     4 prefix of the stream's key; the epoch follows
-- ARGV  1 batch number   2 count   3 packed events   4 gap reason or ""
--       5 epoch and 6 offset, the highest that the caller has seen ("" and 0 when none)
--       7 random suffix for a new epoch   8 window in events   9 window in ms   10 writer or ""
-- Answer: epoch, first offset, last offset.
--
-- The stream's key is built here because the epoch is only known here. It shares the hash tag of
-- the declared keys, so it is in the same slot.

local head, batch, marks, prefix = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local number, count = tonumber(ARGV[1]), tonumber(ARGV[2])
local seen_epoch, seen_offset = ARGV[5], tonumber(ARGV[6])
local window_events, window_ms = tonumber(ARGV[8]), tonumber(ARGV[9])
local MARK_EVERY_MS = math.max(1, math.floor(window_ms / 60))
local BATCH_KEPT_MS = 3600000

-- tostring() turns integers of 15 digits into 1e+15.
local function text(integer)
  return string.format('%.0f', integer)
end

if count > 0 then
  local done = redis.call('HMGET', batch, 'number', 'epoch', 'first', 'last')
  if done[1] and tonumber(done[1]) >= number then
    return { done[2], done[3], done[4] }
  end
end

local at = redis.call('HMGET', head, 'epoch', 'offset')
local epoch, offset = at[1] or '', tonumber(at[2] or '0')
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)

if epoch == '' or epoch < seen_epoch or (epoch == seen_epoch and offset < seen_offset) then
  if epoch ~= '' then
    redis.call('PEXPIRE', prefix .. epoch, window_ms)
  end
  -- Later than every epoch known here, also when the clock was set back.
  local newest = epoch > seen_epoch and epoch or seen_epoch
  local born = math.max(now, (tonumber(string.sub(newest, 1, 11), 16) or 0) + 1)
  epoch, offset = string.format('%011x', born) .. ARGV[7], 0
  redis.call('DEL', marks)
  redis.call('HSET', head, 'epoch', epoch, 'offset', '0')
end

if count == 0 then
  return { epoch, text(offset), text(offset) }
end

local first, last = offset + 1, offset + count
local floor = last - window_events
local function mark(index)
  local found = redis.call('LINDEX', marks, index)
  if found then
    local ms, upto = string.match(found, '(%d+) (%d+)')
    return tonumber(ms), tonumber(upto)
  end
end

local ms, upto = mark(0)
while ms and now - ms > window_ms do
  floor = math.max(floor, upto)
  redis.call('LPOP', marks)
  ms, upto = mark(0)
end
ms = mark(-1)
if not ms or now - ms >= MARK_EVERY_MS then
  redis.call('RPUSH', marks, text(now) .. ' ' .. text(last))
end

local stream = prefix .. epoch
redis.call('XADD', stream, 'MINID', '=', text(math.max(floor, 0) + 1) .. '-0', text(last) .. '-0',
  'n', text(count), 't', text(now), 'g', ARGV[4], 'w', ARGV[10], 'b', ARGV[1], 'e', ARGV[3])
redis.call('PEXPIRE', stream, window_ms + MARK_EVERY_MS)
redis.call('PEXPIRE', marks, window_ms + MARK_EVERY_MS)
redis.call('HSET', head, 'offset', text(last))
redis.call('HSET', batch, 'number', text(number), 'epoch', epoch, 'first', text(first), 'last', text(last))
redis.call('PEXPIRE', batch, BATCH_KEPT_MS)
return { epoch, text(first), text(last) }
