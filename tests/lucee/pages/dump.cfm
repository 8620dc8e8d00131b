<cfscript>
// One line a field: its name in lower case, its Java class, its value as JSON.
line = function(name, class, text) { writeOutput(lCase(name) & chr(9) & class & chr(9) & text & chr(10)); };
scope = (url.client ?: "false") eq "true" ? client : session;
for (name in structKeyArray(scope)) {
  value = scope[name] ?: nullValue();
  if (isNull(value)) { line(name, "null", "null"); continue; }
  class = value.getClass().getName();
  if (class eq "[B") { line(name, class, '"' & toBase64(value) & '"'); continue; }
  if (isInstanceOf(value, "java.util.Date")) { line(name, class, value.getTime()); continue; }
  if (isInstanceOf(value, "java.lang.Number")) { line(name, class, value.toString()); continue; }
  if (class eq "lucee.runtime.ComponentImpl") { line(name, class, '"' & value.sum() & '"'); continue; }
  line(name, class, serializeJSON(value));
}
</cfscript>
