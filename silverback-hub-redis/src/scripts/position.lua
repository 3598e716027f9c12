-- Returns the newest position.
local epoch, offset = topic()
return { epoch, offset }
