--- Firmware images: load, look, change, save. See lua/meta/stlua.lua for the methods.
return require("stlua").image
