<cfset arrayAppend(session[url.name], url.value)>ok
