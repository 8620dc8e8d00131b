# Reads cases from standard input: a Ruby expression, "set" or "delete", a field's name, and the row that holdall wrote (with
# | for line feeds). Each row must be what Ruby writes for the changed hash. Prints the number of cases, or what differs.
require "bigdecimal"
require "date"
require "set"

module Shop
  Item = Struct.new(:name, :price)

  class Cart
    def initialize(items)
      @items = items
      @total = 3.5
    end
  end
end

module Loud; end

VALUE = { "uno" => [1, "ü", 2.5, nil, true, 12345678901234567890, -1073741825], "due" => {} }

cases = STDIN.set_encoding("UTF-8").each_line.map { |line| line.chomp.split("\t") }
wrong = cases.reject do |ruby, change, name, written|
  hash = eval(ruby)
  named = hash.keys.select { |key| (key.is_a?(String) || key.is_a?(Symbol)) && key.to_s == name }
  # Of two keys with one text the later counts; the earlier one goes.
  named[0...-1].each { |key| hash.delete(key) }
  key = named.last || name
  change == "set" ? hash[key] = VALUE : hash.delete(key)
  [Marshal.dump(hash)].pack("m") == written.tr("|", "\n")
end
if wrong.empty?
  puts cases.size
else
  wrong.each { |ruby, change, name, _| puts "#{change} #{name} in #{ruby}" }
  exit 1
end
