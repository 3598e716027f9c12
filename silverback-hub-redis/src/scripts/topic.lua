-- The beginning of every script about a topic with history.
-- KEYS: 1 position, 2 history
-- ARGV: 1 name of a new epoch, 2 run of the server, 3 "1" if restarts lose nothing, 4 lifetime of the position in ms,
--       5 and 6 a position that the caller has seen, or ""
local function topic()
  local known = redis.call('HMGET', KEYS[1], 'epoch', 'offset', 'run')
  local epoch, offset, run = known[1], known[2], known[3]
  local is_lost = not epoch or not offset
  if not is_lost then
    -- The server was started again without a complete log of its data.
    is_lost = run ~= ARGV[2] and ARGV[3] ~= '1'
    -- The server has less than it had.
    if ARGV[5] == epoch and tonumber(ARGV[6]) > tonumber(offset) then is_lost = true end
    -- JavaScript reads larger numbers inexactly.
    if tonumber(offset) >= 9007199254740991 then is_lost = true end
  end
  if is_lost then
    epoch, offset = ARGV[1], '0'
    -- The first write of a script is the one that a full server refuses, so it is one that needs memory.
    redis.call('HSET', KEYS[1], 'epoch', epoch, 'offset', offset, 'run', ARGV[2])
    redis.call('DEL', KEYS[2])
  elseif run ~= ARGV[2] then
    redis.call('HSET', KEYS[1], 'run', ARGV[2])
  end
  return epoch, offset
end

local function keep()
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
