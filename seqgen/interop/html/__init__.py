"""A trained model as one page of HTML that writes text in the browser.

page.py                        fills the template
page.html page.css             what is seen
engine.js                      tokenizers, network and draws; runs in Node as well
page.js                        the form
"""
