"""The same stream as a tap written the plain way of the Singer SDK's template.

With the SDK's own request loop, JSONPath, type conformance and message writer.
"""
