<cfset structDelete(session, url.name)>ok
