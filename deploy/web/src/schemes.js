/** What a model's points are, from its description: `{name, eyes, lines}`. */

/**
 * `known`: the schemes that the page was built with, by name. A scheme of one's own is in the description itself, where
 * lines return to their first point by naming it again.
 */
export function schemeOf({ scheme, own_scheme: own }, known) {
  if (own) return { name: own.name, eyes: own.eyes, lines: own.lines.map((indices) => ({ indices, closed: false })) };
  if (!Object.hasOwn(known, scheme)) throw new Error(`this page does not know the landmarks ${scheme}`);
  return { name: scheme, ...known[scheme] };
}
