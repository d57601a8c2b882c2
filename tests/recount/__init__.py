"""The marts computed a second time, plainly: what SQL says has to be what a reader would count by hand."""
