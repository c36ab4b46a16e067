"""Chapter 6: which file has which mistake."""

diagnosis = {
    "a": "rows and columns swapped",  # sound again for a transposed crop, with x and y exchanged
    "b": "x and y swapped",  # each point lies at the mirror image of its place, across the diagonal
    "c": "blue and red swapped",  # the same points for crop[..., ::-1] as the sound file has for crop
    "d": "half a pixel off",  # every point by the same two pixels, across and down
    "e": "values from 0 to 1",  # a nearly black picture: all faces get about the same points
}
