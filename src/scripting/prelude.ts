// Lua source that replaces functions of the standard library.
//
// table.sort is written in Lua because the original compares without ever calling the hook, and its
// worst case is quadratic: a sort could not be suspended. It takes the same steps as the original
// (a quicksort with the median of three), since what an order that is none leads to can be seen.

export const PRELUDE = `
-- Sorts t[lo] to t[up]; true where the order is found to be none.
local function sort(t, lo, up, before)
  while lo < up do
    if before(t[up], t[lo]) then t[lo], t[up] = t[up], t[lo] end
    if up - lo == 1 then return end
    local middle = (lo + up - (lo + up) % 2) / 2
    if before(t[middle], t[lo]) then
      t[middle], t[lo] = t[lo], t[middle]
    elseif before(t[up], t[middle]) then
      t[middle], t[up] = t[up], t[middle]
    end
    if up - lo == 2 then return end
    local pivot = t[middle]
    t[middle], t[up - 1] = t[up - 1], pivot
    local i, j = lo, up - 1
    while true do
      i = i + 1
      while before(t[i], pivot) do
        if i > up then return true end
        i = i + 1
      end
      j = j - 1
      while before(pivot, t[j]) do
        if j < lo then return true end
        j = j - 1
      end
      if j < i then break end
      t[i], t[j] = t[j], t[i]
    end
    t[up - 1], t[i] = t[i], t[up - 1]
    if i - lo < up - i then
      if sort(t, lo, i - 1, before) then return true end
      lo = i + 1
    else
      if sort(t, i + 1, up, before) then return true end
      up = i - 1
    end
  end
end

return sort
`;
