"""What is shown in a browser: pages that need nothing but themselves, and the parts that other pages share.

All of it is pure: values in, markup out. Nothing here knows a store, a server or a test.
"""
