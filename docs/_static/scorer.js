// A page about a word comes before the names in the code that hold it, and before their reference.
var Scorer = {
  objNameMatch: 6, objPartialMatch: 2, objPrio: {0: 2, 1: 0, 2: -2}, objPrioDefault: 0,
  title: 15, partialTitle: 9, term: 5, partialTerm: 2,
  score: ([page, title, anchor, description, score]) =>
    page.startsWith("made/reference/") && !description ? score - 10 : score,
};
