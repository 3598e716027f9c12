-- Publishes in a topic with history. KEYS: 3 id, or the position again
-- ARGV: 7 channel, 8 publication, 9 size of the history, 10 its age in ms, 11 lifetime of the id in ms, or 0
local has_id = ARGV[11] ~= '0'
if has_id then
  local known = redis.call('GET', KEYS[3])
  if known then return { 1, known } end
end
local epoch = topic()
redis.call('HINCRBY', KEYS[1], 'offset', 1)
-- Read as a text, because a large number would be rounded as one.
local offset = redis.call('HGET', KEYS[1], 'offset')
redis.call('XADD', KEYS[2], 'MAXLEN', ARGV[9], string.format('%s-%.0f', offset, now()), 'd', ARGV[8])
redis.call('PEXPIRE', KEYS[2], ARGV[10])
keep()
local position = offset .. ' ' .. epoch
if has_id then redis.call('SET', KEYS[3], position, 'PX', ARGV[11]) end
redis.call('SPUBLISH', ARGV[7], position .. ' ' .. ARGV[8])
return { 0, position }
