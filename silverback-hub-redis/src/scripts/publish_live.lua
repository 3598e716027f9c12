-- Publishes with an id in a topic without history. KEYS: 1 id. ARGV: 1 channel, 2 message, 3 lifetime of the id in ms
if not redis.call('SET', KEYS[1], '', 'PX', ARGV[3], 'NX') then return 1 end
redis.call('SPUBLISH', ARGV[1], ARGV[2])
return 0
