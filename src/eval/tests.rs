//! Tests of evaluation as tables: expression and value, template and instances.

mod bounds;
mod expressions;
mod functions;
mod instances;
mod nested;
mod testing;
