component accessors="true" {
  property name="x" type="numeric";
  property name="label" type="string";
  function init(x, label) { variables.x = arguments.x; variables.label = arguments.label; return this; }
  function sum() { return variables.x + 1; }
}
