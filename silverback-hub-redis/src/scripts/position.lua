-- Returns the newest position.
local epoch, offset = topic()
keep()
return { epoch, offset }
